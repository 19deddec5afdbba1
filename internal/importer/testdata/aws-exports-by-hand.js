'use strict';
export const config = {
  aws_project_region: 'ap-southeast-2', // Sydney
  aws_user_pools_id: 'ap-southeast-2_Zz00Yy11X',
  aws_user_pools_web_client_id: '1a2b3c4d5e6f7g8h9i0j1k2l3m',
  /* no hosted pages */
  oauth: {},
} as const;
export default config
